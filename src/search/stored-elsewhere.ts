import type { SearchParameter } from '../fhir/definition/search-parameter.ts'

// Parameters of which the elements do not say all: a study's Group stores no member, and the Provenance of an upload no target.

export const isGroupMember = ({ base, code }: SearchParameter): boolean => base === 'Group' && code === 'member'

export const isProvenanceTarget = ({ base, code }: SearchParameter): boolean =>
  base === 'Provenance' && code === 'target'
