import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { splitAt } from '../escape.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#composite: all parts must hold of one and the same element. */
export const parseComposite = (
  parameter: SearchParameter,
  text: string,
  parsePart: (component: SearchParameter, text: string) => Value,
): Value => {
  const texts = splitAt('$', text)
  if (texts.length !== parameter.components.length) {
    const shape = parameter.components.map(component => component.type).join('$')
    throw valueRefusal(parameter, text, `${parameter.components.length} parts joined by $: ${shape}`)
  }
  const parts = parameter.components.map((component, index) => ({
    parameter: component,
    value: parsePart(component, texts[index] ?? ''),
  }))
  return { kind: 'composite', parts }
}
