import type { SearchParameter } from '../fhir/definition/search-parameter.ts'

// Parameters whose elements are not all stored in the resource: a study's Group stores no members, and the Provenance of an upload no targets.

export const isGroupMember = ({ base, code }: SearchParameter): boolean => base === 'Group' && code === 'member'

export const isProvenanceTarget = ({ base, code }: SearchParameter): boolean =>
  base === 'Provenance' && code === 'target'
