/** Counts what a client asks of the tables, and what that consumes. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** `what` is the command and the table (`Query journal`); `units` those of the table and its indexes together. */
export type Request = { what: string; units: number };

export type Meter = {
  /** What was asked since the last time. */
  read(): Request[];
  stop(): void;
};

export const meterOf = (client: DynamoDBDocumentClient): Meter => {
  let requests: Request[] = [];
  const name = 'meter';
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as unknown as {
        TableName?: string;
        RequestItems?: object;
        IndexName?: string;
        ReturnConsumedCapacity?: string;
      };
      input.ReturnConsumedCapacity = 'TOTAL';
      const name = input.TableName ?? Object.keys(input.RequestItems ?? {})[0];
      const table = [String(name).split('-').at(-1), input.IndexName].filter(Boolean).join('.');
      // Counted when it is sent: what is under way stands in the list, a refused one too.
      const request: Request = { what: `${String(context.commandName).replace('Command', '')} ${table}`, units: 0 };
      requests.push(request);
      const result = await next(args);
      type Consumed = { CapacityUnits?: number };
      const { ConsumedCapacity = [] } = result.output as unknown as { ConsumedCapacity?: Consumed | Consumed[] };
      request.units = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
      return result;
    },
    { step: 'initialize', name, priority: 'low' },
  );
  return {
    read: () => {
      const told = requests;
      requests = [];
      return told;
    },
    stop: () => void client.middlewareStack.remove(name),
  };
};

export const unitsOf = (requests: Request[]): number => requests.reduce((sum, { units }) => sum + units, 0);
