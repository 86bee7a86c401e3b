import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { extensionsOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import { withExtensions } from './with-extensions.ts'

/** Ids of the Practitioners from elsewhere whom the last version of the text names; undefined if it leaves to the study who receives. */
export const recipientsIn = ({ extension = [] }: ResearchStudy): readonly string[] | undefined => {
  const named = namedIn(extension.findLast(({ url }) => url === extensions.patientText))
  return named.length === 0
    ? undefined
    : named.flatMap(({ valueReference }) => namedId(valueReference, 'Practitioner') ?? [])
}

/** Whether some version leaves to the study who receives. */
export const leavesRecipients = ({ extension = [] }: ResearchStudy): boolean =>
  extension.some(entry => entry.url === extensions.patientText && namedIn(entry).length === 0)

/** The study with its organization and these people as the recipients in each version that names none yet. */
export const withRecipients = (study: ResearchStudy, fromElsewhere: readonly string[]): ResearchStudy => {
  const recipients = [study.sponsor?.reference ?? '', ...fromElsewhere.map(id => `Practitioner/${id}`)]
  const parts = recipients.map(reference => ({ url: 'recipient', valueReference: { reference } }))
  return withExtensions(
    study,
    (study.extension ?? []).map(entry =>
      entry.url === extensions.patientText && namedIn(entry).length === 0
        ? { ...entry, extension: [...(entry.extension ?? []), ...parts] }
        : entry,
    ),
  )
}

const namedIn = (entry: Extension | undefined): readonly Extension[] => extensionsOf(entry ?? {}, 'recipient')
