import type { Parameters } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Search } from '../../search/search.ts'
import type { ExplainDepth, Explanation } from '../../storage/store.ts'
import type { Context, FhirResponse } from '../interaction.ts'

/** For administrators of the installation. For everybody else it is an unknown parameter. */
const explainName = '_explain'

/** How detailed an explanation is asked for, if the caller may have one, and the query without that. */
export const splitExplain = (
  query: URLSearchParams,
  { caller }: Pick<Context, 'caller'>,
): { readonly depth?: ExplainDepth; readonly query: URLSearchParams } => {
  const text = query.get(explainName)
  if (text === null || !caller.administrator) return { query }
  const depth = Object.hasOwn(depths, text) ? depths[text] : undefined
  if (depth === undefined) {
    throw new FhirError('invalid', `${explainName} is ${Object.keys(depths).join(' or ')}, not "${text}"`, {
      expression: explainName,
    })
  }
  const rest = new URLSearchParams(query)
  rest.delete(explainName)
  return { depth, query: rest }
}

const depths: Readonly<Record<string, ExplainDepth>> = { true: 'plan', analyze: 'analyze' }

/** Parameters with the expression that is asked, within the caller's rights, and each statement with its values and its plan. */
export const explainedResponse = async (
  search: Search,
  depth: ExplainDepth,
  { store }: Pick<Context, 'store'>,
): Promise<FhirResponse> => ({
  status: 200,
  body: { kind: 'text', text: JSON.stringify(toParameters(await store.explain(search, depth))) },
})

const toParameters = ({ asked, restricted, statements }: Explanation): Parameters => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'asked', valueString: asked },
    { name: 'restricted', valueString: restricted },
    ...statements.map(({ sql, values, plan }) => ({
      name: 'statement',
      part: [
        { name: 'sql', valueString: sql },
        { name: 'values', valueString: JSON.stringify(values) },
        { name: 'plan', valueString: JSON.stringify(plan) },
      ],
    })),
  ],
})
