import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { worksInStudy } from '../../access/questions.ts'
import { FhirError } from '../../fhir/error.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { seesAnswersOf } from '../../studies/people/sees-answers.ts'
import type { PageOptions } from '../page/add-page.ts'
import { sessionOf } from '../page/signed-in.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'

/** The address of somebody in a study; `subject` is the id of their ResearchSubject. */
export type OfSubject = { readonly Params: OfStudy['Params'] & { readonly subject: string } }

/** A study in which somebody works. */
export type ReadStudy = { readonly caller: Caller; readonly study: ResearchStudy; readonly seesAnswers: boolean }

/** Throws `not-found` for anybody who does not work in the study, even if they manage it from above, as if it did not exist. */
export const readStudyOf = async (
  request: FastifyRequest<OfStudy>,
  { accounts, registry, openStoreFor }: PageOptions,
): Promise<ReadStudy> => {
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  if (caller?.practitioner === undefined) throw new FhirError('not-found', 'There is no such study')
  const { id } = request.params
  const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _count: '1' }))
  const where = and(asked.where, { kind: 'identified', ids: [id] }, worksInStudy(caller))
  const [found] = (await openStoreFor(caller).search({ ...asked, where })).entries
  if (found === undefined) throw new FhirError('not-found', 'There is no such study')
  const study: ResearchStudy = JSON.parse(found.content)
  return { caller, study, seesAnswers: seesAnswersOf(caller, study) }
}
