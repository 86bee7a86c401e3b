import type { ResearchStudy } from '@medplum/fhirtypes'
import { chosenIn } from '../../storage/model/study.ts'
import { readingServices } from '../../studies/consent/reading-services.ts'
import { requestedData } from '../../studies/definition/requested-data.ts'
import type { PageOptions } from '../page/add-page.ts'

/** Who reads what patients share with a study besides its named staff. */
export const otherReaders = async (
  study: ResearchStudy,
  { accounts, codeClasses }: PageOptions,
): Promise<readonly string[]> => {
  const lines = requestedData(study, codeClasses)
  const services = await readingServices(accounts.database, study.id ?? '', { lines, codeClasses })
  return [
    ...(chosenIn(study, 'access') === 'staff' ? [] : ['everybody in its organization and in those below it']),
    ...services.map(({ name }) => `the service ${name}`),
  ]
}
