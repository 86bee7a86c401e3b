import type { ResourceType } from '@medplum/fhirtypes'
import type { Handler, Interaction, OperationLevel } from '../interactions/interaction.ts'
import type { Action } from '../search/expression.ts'
import { requireValidParameters } from './parameters.ts'

/** One row of the table of operations. https://hl7.org/fhir/R4/operations.html */
export type Operation = {
  /** Without its `$`. */
  readonly name: string
  /** Canonical URL of its OperationDefinition. */
  readonly definition: string
  /** Where it may be called, and the letter of a scope for the type that it needs there. */
  readonly at: Readonly<Partial<Record<OperationLevel, Action>>>
  readonly types: 'all' | readonly ResourceType[]
  /** GET only where it changes nothing: https://hl7.org/fhir/R4/operations.html#executing */
  readonly methods: readonly ('GET' | 'POST')[]
  /** It takes a Bundle of writes, each on its own: what became of them can be answered later. */
  readonly takesBundle?: true
  /** What is posted may be what it is asked about: it judges by itself what else is. */
  readonly judgesBody?: true
  readonly documentation: string
  /** What it finds in its request depends on the level; at the system nobody has asked the gate for it yet. */
  readonly handler: Handler
}

/** The routes of an operation: they are found, allowed and called as interactions are. */
export const routesOf = ({
  name,
  at,
  types,
  methods,
  takesBundle,
  judgesBody,
  documentation,
  handler,
}: Operation): readonly Interaction[] =>
  levels
    .filter(level => at[level] !== undefined)
    .flatMap(level =>
      methods.map(
        (method): Interaction => ({
          name: 'operation',
          path: `${pathByLevel[level]}$${name}`,
          method,
          types,
          body: method === 'GET' ? 'none' : 'resource',
          documentation,
          handler: judgesBody ? handler : withValidInput(handler),
          ...(at[level] === undefined ? {} : { action: at[level] }),
          ...(takesBundle === undefined ? {} : { takesBundle }),
        }),
      ),
    )

/** What it is given has the datatypes of R4, so that it reads them as their types say. */
const withValidInput =
  (handler: Handler): Handler =>
  async (request, context) => {
    requireValidParameters(request.body, context.registry)
    return handler(request, context)
  }

const levels: readonly OperationLevel[] = ['system', 'type', 'instance']

const pathByLevel = { system: '', type: ':type/', instance: ':type/:id/' } as const
