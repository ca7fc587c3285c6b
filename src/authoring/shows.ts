/** `shows="plan.log"` of an `approve` cell: logs that stand under the hash of what is approved. */
import { limits } from '../engine/index.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import { referToLog, type Surroundings } from './surroundings.ts';
import { quote, type Report, slice, trim } from './text.ts';

/** Names of the cells, in the order in which they are written. */
export const readShows = (attributes: Attributes, around: Surroundings, report: Report): { logs?: string[] } => {
  const text = textOfAttribute('shows', attributes, report);
  if (text === undefined || text.text === '') return {};
  const logs: string[] = [];
  for (const { 0: found, index } of text.text.matchAll(/[^,]+/g)) {
    const one = trim(slice(text, index, index + found.length));
    const name = /^([A-Za-z_]\w*)\.log$/.exec(one.text)?.[1];
    if (name === undefined)
      report(
        one.at(0),
        `\`shows\` names logs of earlier cells, as in \`shows="plan.log, check.log"\`, not ${quote(one.text)}`,
      );
    else if (logs.includes(name)) report(one.at(0), `${quote(one.text)} stands twice in \`shows\`; keep one`);
    else {
      referToLog(name, one.at(0), around, report);
      logs.push(name);
    }
  }
  if (logs.length > limits.shownLogsMax)
    report(text.at(0), `an \`approve\` cell shows at most ${limits.shownLogsMax} logs (shownLogsMax)`);
  return logs.length === 0 ? {} : { logs };
};
