/** A runbook that asks a person for an answer. */
export const panel = `---
runbook: panel
---

\`\`\`manual { name=measure }
---
answer:
  type: object
  required: [volts]
  properties:
    volts: { type: number, description: as the panel shows it }
    phase: { type: string, enum: [L1, L2] }
---
Read the panel.
\`\`\`
`;
