import type { Interaction } from '../interactions/interaction.ts'
import { interactions } from '../interactions/interactions.ts'
import { meta } from './meta.ts'
import { type Operation, routesOf } from './operation.ts'

/** The operations that are served. Routes, scope letters and the CapabilityStatement are derived from this. */
export const operations: readonly Operation[] = [meta]

/** Everything that answers below the FHIR base. */
export const routes: readonly Interaction[] = [...interactions, ...operations.flatMap(routesOf)]
