/**
 * What came after the list: each thing that cells or others reach now, with the entries that it neighbours and the tests that show
 * what it answers. Inputs as such stand in `reaching.ts`. `open` says what has no test, and why.
 */
export type Surface = {
  surface: string;
  entries: number[];
  input: string;
  shown: [file: string, test: string][];
  open?: string;
};

const documents: [file: string, test: string] = [
  'hostile/documents.test.ts',
  'hostile $entry: $name is refused by the command line and by the service, with its line',
];

export const surfaces: Surface[] = [
  {
    surface: '`needs`, `programs=`, `env=`, `at=`',
    entries: [7, 8, 9, 37],
    input: 'commands, paths and values as names; keys of tables as places; what is Pawl’s own',
    shown: [
      documents,
      ['authoring/needs.test.ts', '%s is never handed on, and so never published'],
      ['engine/places.test.ts', 'may name its place by a parameter; what is no place refuses the start'],
      [
        'cells/here.test.ts',
        'are files of the PATH that may be run: no folder, no plain file, nothing beside the PATH',
      ],
      ['cells/here.test.ts', 'of Pawl are never, whatever the place lists'],
    ],
  },
  {
    surface: '`allow.json`, PAWL_ALLOW',
    entries: [2, 4, 8, 9, 20],
    input: 'lists that stand twice, patterns that allow everything or take for ever, prototypes, 100,000 levels',
    shown: [
      ['hostile/secrets.test.ts', 'hostile 4–8: %s is refused by name'],
      ['hostile/aws.test.ts', 'hostile 20: a pattern of many stars and a long role end'],
      ['cells/aws.test.ts', 'and an entry that says too much is refused itself: %j'],
      ['places/allow.test.ts', 'never what is Pawl’s own, whatever is allowed and by whatever link'],
      ['service/worker.test.ts', '%s: neither a worker nor a service begins'],
    ],
  },
  {
    surface: 'secrets, declared and filled in',
    entries: [1, 4, 8, 9, 22, 29, 30],
    input: 'sources that are no store, hosts that are everybody, placeholders that are none, line breaks in values',
    shown: [
      documents,
      ['hostile/secrets.test.ts', 'hostile 30: of a parameter or an output stays a text, and no secret is put there'],
      [
        'hostile/secrets.test.ts',
        'hostile 29: a secret with a line break breaks no header: nothing is sent, and it is not told',
      ],
      ['cells/secrets.test.ts', 'to another host is refused before anything is sent'],
    ],
  },
  {
    surface: 'secrets of files',
    entries: [26, 37, 47],
    input:
      'a link put there between the look and the opening; files of others, of Pawl, of the system; bytes that are no text',
    shown: [
      [
        'hostile/secrets.test.ts',
        'hostile 26: a link put there between the look and the opening leads out of nothing that is allowed',
      ],
      [
        'hostile/secrets.test.ts',
        'hostile 47: a secret of bytes that are no text is not handed on as another one: the run waits, and says why',
      ],
      ['places/allow.test.ts', 'a link does not lead out of what is allowed'],
      ['cli/secrets.test.ts', 'a file that is open to others is refused, and the run says what to do'],
    ],
  },
  {
    surface: 'secrets that a cell makes',
    entries: [42, 47, 49],
    input: 'too large, too short, no text, no file, a link, a pipe, its folder moved away',
    shown: [
      ['hostile/secrets.test.ts', 'hostile 47: one %s is told as lost, a person decides, and the store is as it was'],
      ['hostile/secrets.test.ts', 'hostile 47: %s in its place is no secret, and nothing is put anywhere'],
    ],
  },
  {
    surface: 'masking',
    entries: [20, 49],
    input: 'fifty values of 16 KB, in every form, in pieces',
    shown: [
      ['cells/masking.test.ts', 'as many as a runbook may declare'],
      [
        'hostile/secrets.test.ts',
        'hostile 49: echoed by a server, or told by a script, it is masked, and the run goes on',
      ],
    ],
  },
  {
    surface: 'heartbeats, `pawl workers`, `place-unmanned`',
    entries: [55, 68, 70],
    input: 'items of another writer: no JSON, another’s name or place, steering a terminal, from the year 9999',
    shown: [
      ['hostile/heartbeats.test.ts', 'hostile 55: one that is forged, with %s, is nobody’s, and hides no other'],
      [
        'hostile/heartbeats.test.ts',
        'hostile 68: one from the year 9999 is not alive, mans no place, and is forgotten',
      ],
    ],
    open: 'whoever may write the table can fill it with more items than are read (`workersReadMax`), or delete those of others: no decision rests on them',
  },
  {
    surface: '`--holder-gone`',
    entries: [55, 58],
    input: 'names of processes in a reservation that are none, of another boot, namespace or user',
    shown: [
      ['cells/holder.test.ts', 'a name that is none is not known here: %j'],
      ['cells/holder.test.ts', '%s is not known here, alive or not'],
      ['cells/holder.test.ts', 'is gone where another process has its pid: the start is another'],
    ],
    open: 'whoever can write a journal can name a process that is gone: docs/security.md, what a writer can still forge',
  },
  {
    surface: '`aws` cells',
    entries: [1, 2, 3, 4, 5, 8, 17, 20, 22, 27, 28, 31, 32, 34, 47],
    input:
      'YAML bombs, prototypes, numbers without end, other hosts as regions; answers without end, too deep, redirecting',
    shown: [
      documents,
      ['hostile/aws.test.ts', 'hostile 8, 20: what placeholders came to, %s, is refused before anything is sent'],
      ['hostile/aws.test.ts', 'hostile 47: a function that answers %s completed, whatever becomes of that'],
      ['hostile/aws.test.ts', 'hostile 27: a service that redirects to %s is asked once, and nobody else'],
      ['authoring/aws.test.ts', 'is looked at: %s'],
      ['cells/aws.test.ts', 'a secret is no output, whatever is allowed (%#)'],
    ],
  },
  {
    surface: '`sigv4=`, redirects of `http`',
    entries: [22, 27, 35],
    input: 'hosts that only look like AWS, redirects with a signature or a secret to another host',
    shown: [
      ['hostile/aws.test.ts', 'hostile 35: no signature goes to %s'],
      ['hostile/aws.test.ts', 'hostile 35: a signature goes along to no other host that a redirect names'],
      ['hostile/cells.test.ts', 'hostile 27: %s is refused before any packet, as if the cell had named it'],
      [
        'cells/secrets.test.ts',
        'with a body, which may hold one, is not sent on to a host that the secret may not go to',
      ],
    ],
  },
  {
    surface: '`json { schema }`',
    entries: [2, 4, 8, 9, 20],
    input:
      'schemas that hold themselves, are too deep or too large, patterns that backtrack, values that take too long',
    shown: [documents, ['authoring/schemas.test.ts', 'that takes too long to look at is an error, and ends']],
  },
  {
    surface: '`--cells-as`',
    entries: [37, 42, 45, 48],
    input: 'links, hard links, pipes and swapped folders in what root reads and removes afterwards',
    shown: [
      ['cells/cellsAs.test.ts', 'its folder cannot be put aside, and what links lead to is neither opened nor removed'],
      [
        'cells/cellsAs.test.ts',
        'one that nobody finds and that swaps folders for links all the time leads nobody out of there',
      ],
      [
        'cells/cellsAs.test.ts',
        'reads no environment, memory or files of engine, runner, store and credentials, and stops none of them',
      ],
    ],
  },
  {
    surface: '`.txt` files and `PAWL_OUT_…`',
    entries: [7, 8, 21],
    input: 'fields of outputs that are no names, paths, prototypes, or would be two values of one name',
    shown: [
      ['hostile/cells.test.ts', 'hostile 7–8: fields of an output become no files outside, and no variables of others'],
      ['cells/scripts.test.ts', 'a name that two values would have is given to neither'],
      ['cells/scripts.test.ts', 'a list of which an element has a line break has no lines'],
    ],
  },
];
