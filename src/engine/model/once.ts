/**
 * Makes something when it is first asked for, and then has it. For large schemas: to make those of the journal and of all
 * requests takes a command longer than it then works, and most commands need few of them.
 */
export const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
