import type { ResearchStudy } from '@medplum/fhirtypes'
import { wordsFor } from '../../messages/catalogue.ts'
import type { PaperAsked } from '../../studies/consent/paper-consent.ts'
import { findPractitioners, staffOf } from '../../studies/definition/study-staff.ts'
import type { PageOptions } from '../page/add-page.ts'

/** Says who may confirm what the reader records from paper, or who could be asked to. */
export const paperConfirmers = async (
  { registry }: Pick<PageOptions, 'registry'>,
  { asked, practitioner, store }: Pick<PaperAsked, 'asked' | 'practitioner' | 'store'>,
): Promise<string> => {
  const others = confirmersOf(asked.study).filter(one => one !== practitioner)
  const found = await findPractitioners(store, registry, others)
  const names = [...new Set(found.values())].sort((one, other) => one.localeCompare(other, 'en'))
  if (names.length === 0)
    return 'Nobody else can confirm it yet: an investigator names another investigator or coordinator among the staff of the study.'
  const shown = names.length > mostNamed ? [...names.slice(0, mostNamed), `${names.length - mostNamed} more`] : names
  return `Who can confirm it: ${wordsFor('en').list(shown)}.`
}

/** Those of the staff who record and confirm. */
export const confirmersOf = (study: ResearchStudy): readonly string[] =>
  staffOf(study)
    .filter(one => one.isInForce && asks.has(one.role))
    .map(one => one.practitioner)

/** The roles of those who ask people for their consent. */
const asks: ReadonlySet<string> = new Set(['investigator', 'coordinator'])

const mostNamed = 5
