/** Tasks: code of the deployment that a runbook calls by name. What is known of them at publishing. */

/** As `defineTask` declares it. Schemas are JSON Schema. */
export type TaskSpec = {
  name: string;
  /** Where it stands, as people know it. */
  file: string;
  input: Record<string, unknown>;
  output: Record<string, unknown>;
  /** All its effects are what it commits together with its outcome. */
  effects?: 'commit';
};

/** A file that could not be read as tasks, and why. */
export type BrokenTasks = { file: string; why: string };

/** What a deployment has. `where`: the folder, as people know it. */
export type Tasks = { where: string; known: ReadonlyMap<string, TaskSpec>; broken: readonly BrokenTasks[] };

/** Stands where a request's method stands, as what declares that repeating it after an interruption does no harm. */
export const commitEffects = 'effects=commit';
