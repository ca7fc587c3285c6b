/** Where a request to AWS goes and as whom: names of regions, ARNs of roles. */
import type { AwsBody, HttpBody, RenderedBody, Scope } from '../engine/index.ts';
import { type Rendered, render } from './templates.ts';

export const places = {
  region: { form: /^[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/, what: 'is the name of a region, like eu-west-1' },
  role: {
    form: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,600}$/,
    what: 'is the ARN of a role, like arn:aws:iam::123456789012:role/failover',
  },
} as const;

type RenderedSigv4 = NonNullable<(RenderedBody & { kind: 'http' })['sigv4']>;

export const renderPlace = (name: 'region' | 'role', template: AwsBody['role'], scope: Scope): Rendered | null => {
  if (template === null) return null;
  const { form, what } = places[name];
  return render(template, scope, (text) =>
    form.test(text) ? undefined : `\`${name}\` ${what}; it was filled in otherwise.`,
  );
};

export const renderSigv4 = (
  sigv4: HttpBody['sigv4'],
  scope: Scope,
): { kind: 'sigv4'; sigv4: RenderedSigv4 | undefined } | { kind: 'error'; message: string } => {
  if (sigv4 === undefined) return { kind: 'sigv4', sigv4 };
  const role = renderPlace('role', sigv4.role, scope);
  if (role?.kind === 'error') return role;
  return { kind: 'sigv4', sigv4: { ...sigv4, role: role?.text ?? null } };
};
