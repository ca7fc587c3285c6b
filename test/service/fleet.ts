/** A family of twenty whose elements stop until a file is there. */
export const count = 20;
/** What one call drives at a time: `elementsAtOnceMax`. */
export const atOnce = 16;

/** Elements with an even index stop in their first cell, which may be tried again; the others in the second, which may not. */
export const fleet = (more = '') => `---
runbook: fleet
title: A fleet
params:
  dir: { type: string }
  nodes: { type: array, items: { type: string } }
${more}---
## Each node { name=each_node each="params.nodes" as=node max=${count} stopAfter=${count} onFailure=ask }
\`\`\`sh { name=first timeout=40s interrupted=retry }
echo first >> "$PAWL_PARAM_DIR/$PAWL_ITEM.runs"
[ $((PAWL_INDEX % 2)) = 1 ] && exit 0
until [ -e "$PAWL_PARAM_DIR/go" ]; do sleep 0.2; done
\`\`\`
\`\`\`sh { name=second timeout=40s interrupted=hold }
echo second >> "$PAWL_PARAM_DIR/$PAWL_ITEM.runs"
[ $((PAWL_INDEX % 2)) = 0 ] && exit 0
until [ -e "$PAWL_PARAM_DIR/go" ]; do sleep 0.2; done
\`\`\`
## After
\`\`\`sh { name=after }
echo after >> "$PAWL_PARAM_DIR/after.runs"
\`\`\`
`;
export const nodes = Array.from({ length: count }, (_, index) => `n${index}`);
