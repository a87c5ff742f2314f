import type { Option } from '../command.ts'

/** What may be asked for with a deployment, and with a plan for it. */
export const REQUEST: Readonly<Record<string, Option>> = {
  'require-approval': { type: 'boolean', help: 'ask a person before the target, whatever its policy says' },
  'allow-downgrade': { type: 'boolean', help: 'also when the target runs a newer version' },
  description: { type: 'string', value: 'TEXT', help: 'what is new, for whoever approves' },
  email: { type: 'string', value: 'ADDRESS', help: 'a contact' },
  metadata: { type: 'string', value: 'KEY=VALUE', multiple: true, help: 'kept with the deployment; may be repeated' },
  hotfix: { type: 'string', value: 'REASON', help: 'jump environments; a second person must approve' },
  skip: { type: 'string', value: 'ENVIRONMENT', multiple: true, help: 'which ones to jump; may be repeated' },
  'break-glass': { type: 'string', value: 'REASON', help: 'pass freezes; a second person must approve' },
  strategy: {
    type: 'string',
    value: 'KEY=VALUE',
    multiple: true,
    help: "a number of the target's strategy for this once, such as batch=1, where the policy allows; may be repeated",
  },
}
