/** What stands in a document for Pawl, sorted, before it is read. */
import { type Info, refuseUnknown } from './attributes.ts';
import type { Fence } from './document.ts';
import type { End, Section } from './sections.ts';
import type { Element, NamedCell } from './surroundings.ts';
import type { Report } from './text.ts';

export type Piece = { fence: Fence; info: Info };
/** Of a cell that is gone through at the end: which one it takes back, or at which ends, and what its section counts as in `within`. */
export type AtEnd = { of: CellPiece; begun: boolean } | { on: End; section: string };
export type CellPiece = Piece & {
  name: string;
  index: number;
  within: readonly string[];
  elements: readonly Element[];
  atEnd?: AtEnd;
};
/** The heading of a section. `otherwise`: of an `else`, the branch that it is judged by. */
export type BranchPiece = {
  section: Section;
  name: string;
  index: number;
  within: readonly string[];
  elements: readonly Element[];
  atEnd?: AtEnd;
  otherwise: string | null;
  /** How many cells and branches stand in its section, those among them that are gone through at the end. */
  cells: number;
  /** Of `parallel`: what stands directly under it. */
  parts: readonly PartPiece[];
};
/** A section directly under `parallel`, with the indexes of its first cell and of the one after its last. */
export type PartPiece = { section: Section; name: string; from: number; to: number };
/** A probe or expectations: `of` is their cell, or the section with `each`; `undefined` when it could not be found. */
export type AttachedPiece = Piece & { of: CellPiece | BranchPiece | undefined };

export type Outline = {
  /** In the order in which they are gone through. */
  cells: (CellPiece | BranchPiece)[];
  branches: readonly BranchPiece[];
  /** Every name a cell has, also of cells that are refused otherwise. */
  names: ReadonlyMap<string, NamedCell>;
  probes: AttachedPiece[];
  expects: AttachedPiece[];
  schemas: AttachedPiece[];
  /** The innermost section with `each` around what is gone through at the end of a failure; `undefined`: there is none. */
  failurePaths: ReadonlySet<string | undefined>;
};

/** What a fence is to Pawl. */
export const roles = ['name', 'undo', 'probe', 'expect', 'schema'] as const;
export type Role = (typeof roles)[number];

/** Attributes of a fence that is no cell. */
export const refuseOthers = ({ info }: Piece, known: readonly string[], where: string, report: Report): void =>
  refuseUnknown(info.attributes, [...known, ...roles], where, report);
