import type { ResourceType } from '@medplum/fhirtypes'
import { isGranted } from '../access/rules.ts'
import type { Context } from './interaction.ts'

/** The types of which the caller may search anything at all, in the order of the specification. */
export const searchableTypes = ({ registry, access }: Pick<Context, 'registry' | 'access'>): readonly ResourceType[] =>
  registry.resourceTypes.filter(type => isGranted(access, 's', type))
