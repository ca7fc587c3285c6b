/**
 * An `aws` fence: one request to a service of AWS, its members as YAML. Checked against the model in the service's own client, so
 * a member that is misspelt is found here and not left out without a word.
 */
import { checkInput, modelOf } from '../aws/index.ts';
import type { AwsBody, HttpBody, RenderedBody, Scope } from '../engine/index.ts';
import { isReadingAction, secretIsNoOutput, tellsSecret } from '../engine/index.ts';
import { type Attribute, type Attributes, textOfAttribute } from './attributes.ts';
import { places, renderPlace } from './awsPlaces.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { asText, readTemplate, render } from './templates.ts';
import { type Position, quote, type Report, suggest, type Text } from './text.ts';
import { readYamlTemplate, type YamlTemplate } from './yamlTemplate.ts';

type Reading = { attributes: Attributes; around: Surroundings; reads: Reads; report: Report; at: Position };

const needed = (name: 'service' | 'action', example: string, { attributes, report, at }: Reading): Text | undefined => {
  const text = textOfAttribute(name, attributes, report);
  if (text !== undefined && text.text !== '') return text;
  if (!attributes.has(name) || text !== undefined)
    report(text?.at(0) ?? at, `an aws cell needs \`${name}=\`, as in \`${name}=${example}\``);
  return undefined;
};

const errorCode = /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/;

const readCodes = (name: 'failedOn' | 'unknownOn', attributes: Attributes, report: Report): string[] => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return [];
  const words = [...text.text.matchAll(/\S+/g)];
  const seen = new Set<string>();
  for (const { 0: word, index } of words) {
    if (!errorCode.test(word))
      report(text.at(index), `\`${name}\` is a list of error codes with spaces between them, not ${quote(word)}`);
    else if (seen.has(word)) report(text.at(index), `the error code ${word} is given twice; keep one`);
    seen.add(word);
  }
  return [...seen];
};

const readMeanings = (attributes: Attributes, report: Report): Pick<AwsBody, 'failedOn' | 'unknownOn'> => {
  const failedOn = readCodes('failedOn', attributes, report);
  const unknownOn = readCodes('unknownOn', attributes, report);
  const both = failedOn.find((code) => unknownOn.includes(code));
  const at = attributes.get('unknownOn')?.at;
  if (both !== undefined && at !== undefined)
    report(at, `the error code ${both} is in \`failedOn\` and in \`unknownOn\`; keep one`);
  return { ...(failedOn.length > 0 && { failedOn }), ...(unknownOn.length > 0 && { unknownOn }) };
};

const readPlace = (name: 'region' | 'role', { attributes, around, reads, report }: Reading): AwsBody['role'] => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return null;
  const template = readTemplate(text, asText, around, reads, report);
  const { form, what } = places[name];
  if (template.every((part) => typeof part === 'string') && !form.test(text.text))
    report(text.at(0), `\`${name}\` ${what}, not ${quote(text.text)}`);
  return template;
};

/** The place of a path in what is written, or of the nearest thing around it. */
const placeOf = ({ fields, at }: YamlTemplate, path: readonly string[]): Position => {
  let [inside, place] = [fields, at];
  for (const step of path) {
    const field = inside.find(({ key }) => key === step);
    if (field === undefined) break;
    place = field.at;
    inside = field.inside();
  }
  return place;
};

const checkAgainstModel = (
  service: Text,
  action: Text | undefined,
  input: YamlTemplate | undefined,
  report: Report,
): Pick<AwsBody, 'tokens'> => {
  const model = modelOf(service.text);
  if ('missing' in model) {
    report(service.at(0), model.missing);
    return { tokens: [] };
  }
  if (action === undefined) return { tokens: [] };
  const found = model.action(action.text);
  if (found === undefined || typeof found === 'string') {
    report(
      action.at(0),
      found ?? `\`${service.text}\` has no action ${quote(action.text)}${suggest(action.text, model.actions)}`,
    );
    return { tokens: [] };
  }
  if (input === undefined) return { tokens: [] };
  if (tellsSecret(service.text, action.text, input.value)) report(action.at(0), secretIsNoOutput);
  const tokens = isReadingAction(action.text) ? [] : found.tokens.filter((name) => !Object.hasOwn(input.value, name));
  checkInput(found.input, input.value, tokens, suggest, (path, message) =>
    report(placeOf(input, path), path.length === 0 ? `the input of ${action.text}: ${message}` : message),
  );
  return { tokens };
};

/** Reads the request of an `aws` fence. */
export const readAws = (body: Text, reading: Reading): AwsBody => {
  const { attributes, around, reads, report } = reading;
  const service = needed('service', 'rds', reading);
  const action = needed('action', 'DescribeDBClusters', reading);
  const input = readYamlTemplate(body, around, reads, report);
  const { tokens } = service === undefined ? { tokens: [] } : checkAgainstModel(service, action, input, report);
  return {
    service: service?.text ?? '',
    action: action?.text ?? '',
    region: readPlace('region', reading),
    role: readPlace('role', reading),
    input: input?.template ?? [],
    tokens,
    ...readMeanings(attributes, report),
  };
};

const signedFor = (
  given: Attribute,
  { attributes, report }: Reading,
): { service: string; region: string } | undefined => {
  const text = textOfAttribute('sigv4', attributes, report);
  if (text === undefined) return undefined;
  const [service = '', region = '', ...others] = text.text.trim().split(/\s+/);
  if (/^[a-z][a-z0-9-]{0,62}$/.test(service) && places.region.form.test(region) && others.length === 0)
    return { service, region };
  report(
    text.text === '' ? given.at : text.at(0),
    `\`sigv4\` names what the request is signed for: a service and a region, as in \`sigv4="execute-api eu-west-1"\`, not ${quote(text.text)}`,
  );
  return undefined;
};

/** For what, and as whom, a request of an `http` cell is signed. */
export const readSigv4 = (reading: Reading): Pick<HttpBody, 'sigv4'> => {
  const given = reading.attributes.get('sigv4');
  const role = readPlace('role', reading);
  const roleAt = reading.attributes.get('role')?.at;
  if (given === undefined) {
    if (roleAt !== undefined) reading.report(roleAt, '`role` says as whom a request is signed; it needs `sigv4=`');
    return {};
  }
  const signed = signedFor(given, reading);
  return signed === undefined ? {} : { sigv4: { ...signed, role } };
};

/** Fills in a request. */
export const renderAws = (
  body: { kind: 'aws' } & AwsBody,
  scope: Scope,
): { kind: 'body'; body: RenderedBody & { kind: 'aws' } } | { kind: 'error'; message: string } => {
  const region = renderPlace('region', body.region, scope);
  if (region?.kind === 'error') return region;
  const role = renderPlace('role', body.role, scope);
  if (role?.kind === 'error') return role;
  const input = render(body.input, scope);
  if (input.kind === 'error') return input;
  return {
    kind: 'body',
    body: { ...body, region: region?.text ?? null, role: role?.text ?? null, input: input.text },
  };
};
