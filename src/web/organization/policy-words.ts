import type { ClientPolicy } from '../../access/caller.ts'
import { wordsFor } from '../../messages/catalogue.ts'

/** What a client may do besides what its scopes allow, as a list in words. */
export const policyWords = (policies: readonly ClientPolicy[]): string =>
  wordsFor('en').list(policies.map(policy => meanings[policy]))

const meanings: Readonly<Record<ClientPolicy, string>> = {
  'data-submission': 'send readings of patients whose consent covers them',
  'records-consent': 'record the answers of the patients who use it',
  'redeems-invitations': 'take up invitations of patients without a browser',
  'cloud-storage-partner': 'read by links that patients open',
  introspection: 'ask about the tokens of other clients',
  everything: 'do whatever it asks for, as for imports',
}
