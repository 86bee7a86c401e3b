import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Code } from '../../operations/readings-asked.ts'
import type { Cell } from '../../operations/rows/csv.ts'
import { openNamedDevices } from '../../operations/rows/named-devices.ts'
import { type Reading, readingRows } from '../../operations/rows/reading-rows.ts'
import type { Store } from '../../storage/store.ts'
import { answerNames } from '../page/answer-names.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import type { ChartsPage } from './nothing-drawn.ts'
import { textOf, timeText, valueText } from './reading-text.ts'
import { readingsBySource } from './readings-by-source.ts'

type Asked = {
  readonly registry: Registry
  readonly store: Store
  readonly words: Words
  readonly codeClasses: CodeClasses
  readonly timezone: string
  readonly devices: ChartsPage['devices']
}

/** A table with those of the newest readings of each code that no chart draws; undefined if there are none. */
export const otherReadings = async (
  asked: Asked,
  newest: readonly { readonly content: string }[],
  drawn: readonly Code[],
): Promise<Html | undefined> => {
  const { codeClasses, words, devices } = asked
  const classes = new Set(drawn.map(({ system, code }) => codeClasses.classOf(system, code)))
  const isDrawn = ({ code: { coding = [] } = {} }: Reading) =>
    coding.some(({ system, code }) => code !== undefined && classes.has(codeClasses.classOf(system, code)))
  const readings = newest.map(({ content }) => parseJson(content) as Reading).filter(reading => !isDrawn(reading))
  if (readings.length === 0) return undefined
  const { learn, nameDevice } = openNamedDevices(asked)
  const named = devices === 'named' ? readings : await readingsBySource(asked, readings)
  await learn(named)
  const rows = readingRows(named, { nameKind: kindNames(codeClasses, words), nameDevice, answers: answerNames(words) })
  return table([...rows], asked)
}

const table = (rows: readonly (readonly Cell[])[], { words, timezone }: Asked): Html => {
  const { say } = words
  return html`<section class="mb-5">
<h2>${say('other.title')}</h2>
<p class="text-body-secondary">${say('other.text')}</p>
<div class="table-responsive" tabindex="0" role="region" aria-label="${say('other.title')}"><table class="table table-sm">
<caption>${say('other.caption', { timezone })}</caption>
<thead><tr><th scope="col">${say('chart.what')}</th><th scope="col">${say('other.value')}</th><th scope="col">${say('other.measured')}</th></tr></thead>
<tbody>${rows.map(row => {
    const [start, end, what, code, part, , , device] = row.map(textOf)
    const [, , , , , value, unit, , , , absent] = row
    return html`<tr><th scope="row">${[what ?? code, part].filter(Boolean).join(', ')}</th><td>${valueText(value, textOf(unit), textOf(absent), words)}</td><td>${timeText(start, end, { timezone, words })} <span class="d-block text-body-secondary">${device ?? say('chart.source-unknown')}</span></td></tr>`
  })}</tbody>
</table></div>
</section>`
}
