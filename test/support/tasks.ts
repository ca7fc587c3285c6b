/** Tasks that a deployment is said to have, without files: they take anything. */
import type { TaskSpec, Tasks } from '../../src/engine/index.ts';

export const someTasks = (...tasks: (string | TaskSpec)[]): Tasks => ({
  where: 'tasks',
  known: new Map(
    tasks.map((task) => {
      const spec = typeof task === 'string' ? { name: task, file: 'tasks/some.ts', input: {}, output: {} } : task;
      return [spec.name, spec];
    }),
  ),
  broken: [],
});
