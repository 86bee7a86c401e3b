import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type Html, html } from '../page/html.ts'
import { peopleAskedIn, peopleUrl } from './people-asked.ts'

/** The query of the list of a study's people from which a page about one of them was opened; all its forms keep it. */
export const listQuery = (request: FastifyRequest): string => peopleUrl('', peopleAskedIn(queryOf(request)))

/** Leads back to the list as it was. */
export const backToStudy = (request: FastifyRequest, study: string | undefined): Html =>
  html`<p class="no-print"><a href="/studies/${study}${listQuery(request)}">Back to the study</a></p>`
