declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** Without `path` it keeps everything in memory; with it, in LevelDB files there. */
  const dynalite: (options: { path?: string; createTableMs?: number; deleteTableMs?: number }) => Server;
  export default dynalite;
}
