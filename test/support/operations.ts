/** An operation as a test looks at it that meddles with some of them: whatever its kind, what it may carry. */
import type { Item, Operation, RawItem, Table } from '../../src/store/tableOperations.ts';

export type Command = {
  kind: Operation['kind'];
  table: Table;
  item?: Item;
  key?: RawItem;
  values?: Item;
  query?: { partition: string | number; descending?: boolean };
};
