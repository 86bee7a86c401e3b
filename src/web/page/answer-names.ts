import { systems } from '../../fhir/canonical.ts'
import { openMhealthMaps } from '../../fhir/measured/open-mhealth-maps.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Answers, type Concept, nameOf } from '../../operations/rows/value-cells.ts'

/**
 * Coded answers for a reader with these words: those that Open mHealth has words for, by these or by the codes that its documents get, and reasons
 * why there is no value. Any other answer is as it was sent.
 */
export const answerNames = ({ meaning, say }: Words): Answers => {
  const ofWords = (words: string) => meaning('answer', words.trim().toLowerCase())
  const ofCode = ({ system = '', code = '' }: Coding) =>
    system === systems.dataAbsentReason ? meaning('absent', code) : ofWords(wordsByCode.get(`${system}|${code}`) ?? '')
  return {
    concept: concept => {
      const { text, coding = [] } = concept ?? {}
      const known = text === undefined ? undefined : ofWords(text)
      if (known !== undefined) return known
      // A text of its own may say more than the code.
      const isOwnText = text !== undefined && !coding.some(({ display }) => display === text)
      return (isOwnText ? undefined : coding.map(ofCode).find(name => name !== undefined)) ?? nameOf(concept)
    },
    truth: isTrue => say(isTrue ? 'answer.yes' : 'answer.no'),
    statistic: words => ofWords(words) ?? ofCode({ system: systems.observationStatistics, code: words }) ?? words,
  }
}

type Coding = NonNullable<Concept['coding']>[number]

const wordsByCode: ReadonlyMap<string, string> = new Map(
  openMhealthMaps.answers.group.flatMap(({ target: system, element }) =>
    element.flatMap(({ code: words, target }) => target.map(({ code }) => [`${system}|${code}`, words] as const)),
  ),
)
