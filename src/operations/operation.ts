import type { ResourceType } from '@medplum/fhirtypes'
import type { Handler, Interaction, OperationLevel } from '../interactions/interaction.ts'
import type { Action } from '../search/expression.ts'
import type { Taken } from './parameter-type.ts'
import { requireValidParameters } from './parameters.ts'

/** One row of the table of operations. https://hl7.org/fhir/R4/operations.html */
export type Operation = {
  /** Without its `$`. */
  readonly name: string
  /** Canonical URL of its OperationDefinition. */
  readonly definition: string
  /** The levels at which it may be called, and for each the letter of the scope for the type that it needs. */
  readonly at: Readonly<Partial<Record<OperationLevel, Action>>>
  readonly types: 'all' | readonly ResourceType[]
  /** GET only if it changes nothing: https://hl7.org/fhir/R4/operations.html#executing */
  readonly methods: readonly ('GET' | 'POST')[]
  /** Asked for once the file is read, since what it takes stands below it. */
  readonly takes: () => Taken
  /** It takes a Bundle of writes, each on its own, so that it can be answered later what became of them. This finds it in the body. */
  readonly takesBundle?: (body: unknown) => unknown
  /** The posted body may be the resource that it is asked about; it validates any other body itself. */
  readonly judgesBody?: true
  readonly documentation: string
  /** What its request contains depends on the level. At the system level, nobody has asked the gate for it yet. */
  readonly handler: Handler
}

/** The routes of an operation, which are found, allowed and called like interactions. */
export const routesOf = ({
  name,
  at,
  types,
  methods,
  takes,
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
          takes,
          handler: judgesBody ? handler : withValidInput(handler),
          ...(at[level] === undefined ? {} : { action: at[level] }),
          ...(takesBundle === undefined ? {} : { takesBundle }),
        }),
      ),
    )

/** Requires what is posted to be valid by the datatypes of R4, so that the operation can rely on its types. */
const withValidInput =
  (handler: Handler): Handler =>
  async (request, context) => {
    requireValidParameters(request.body, context.registry)
    return handler(request, context)
  }

const levels: readonly OperationLevel[] = ['system', 'type', 'instance']

const pathByLevel = { system: '', type: ':type/', instance: ':type/:id/' } as const
