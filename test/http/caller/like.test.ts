import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { likeOf } from '../../../src/http/caller/like.ts'

const request = (method: string, url: string, more: object = {}): FastifyRequest =>
  ({ method, url, headers: {}, ...more }) as FastifyRequest

const id = '01a232d9-caee-77c6-88b0-10c9814115ea'

t.test('requests are alike by method, path without ids, and names of parameters', async t => {
  const alike = [
    [`/fhir/Patient/${id}`, 'GET small /fhir/Patient/:id'],
    ['/fhir/Observation?patient=1&code=8867-4', 'GET small /fhir/Observation code patient'],
    ['/fhir/Observation?code=x&code=y&patient=2', 'GET small /fhir/Observation code patient'],
    ['/fhir/Observation?value-string:missing=false', 'GET small /fhir/Observation value-string:missing'],
    [`/fhir/Patient/${id}/$everything`, 'GET small /fhir/Patient/:id/$everything'],
    [`/studies/${id}/arrivals`, 'GET small /studies/:id/arrivals'],
  ] as const
  for (const [url, expected] of alike) t.equal(likeOf(request('GET', url)), expected)
})

t.test('what is posted counts by its names, and a large body by its size', async t => {
  const body = new URLSearchParams({ name: 'finn', _count: '20' })
  t.equal(likeOf(request('POST', '/fhir/Patient/_search', { body })), 'POST small /fhir/Patient/_search _count name')
  const headers = { 'content-length': '400000' }
  t.equal(likeOf(request('POST', '/fhir', { headers })), 'POST large /fhir')
})

t.test('of very long ones the beginning counts', async t => {
  t.equal(likeOf(request('GET', `/fhir/Patient?${'x'.repeat(9000)}=1`)).length, 200)
})
