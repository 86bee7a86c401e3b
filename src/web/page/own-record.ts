import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { callerOfPatient, compartmentOf, compartmentsOf } from '../../storage/authorization/token.ts'
import type { PageOptions } from './add-page.ts'
import { type Html, html } from './html.ts'
import { notFound } from './not-found.ts'
import { sessionOf } from './signed-in.ts'

/** What a page shows to a person about themselves, or about somebody for whom they act. */
export type OwnRecord = {
  readonly caller: Caller
  readonly patient: string
  /** One for each human that the person is, or acts for. */
  readonly patients: readonly string[]
}

/** The record of whom the address names with `record`, which has to be one of theirs, or else the first; undefined for whoever has none. */
export const ownRecordIn = async (
  request: FastifyRequest,
  { accounts: { database } }: PageOptions,
  scope: string,
): Promise<OwnRecord | undefined> => {
  const { person } = sessionOf(request)
  const patients = await compartmentsOf(database, person)
  const asked = queryOf(request).get('record')
  const patient = asked === null ? patients[0] : ((await compartmentOf(database, person, asked)) ?? notFound())
  if (patient === undefined) return undefined
  const caller = await callerOfPatient(database, { person, patient, client: 'pages', scope })
  return caller && { caller, patient, patients }
}

/** Links to the same page about the others. */
export const otherRecords = (
  { patient, patients }: OwnRecord,
  addressOf: (record: string) => string,
  { say }: Words,
): Html | undefined => {
  const others = patients.filter(one => one !== patient)
  if (others.length === 0) return undefined
  return html`<ul class="list-unstyled">${others.map(one => html`<li><a href="${addressOf(one)}">${say('disclosures.other', { record: one })}</a></li>`)}</ul>`
}
