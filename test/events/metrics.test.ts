import t from 'tap'
import { openMetrics } from '../../src/events/metrics.ts'

const metrics = await openMetrics({ interactions: new Set(['read']), types: new Set(['Patient']) })
const linesOf = async (name: string, figures: Parameters<typeof metrics.text>[0] = []) =>
  (await metrics.text(figures)).split('\n').filter(line => line.startsWith(name))

t.test('what is not known beforehand is counted as other', async t => {
  metrics.requestBegan()
  metrics.requestEnded({ door: 'fhir', interaction: 'read', type: 'Patient', status: 200 }, 0.02)
  for (const name of ['Ann', 'Bea']) {
    metrics.requestBegan()
    metrics.requestEnded({ door: 'fhir', interaction: name, type: name, status: undefined }, 0.02)
    metrics.attemptRefused(name, 404)
  }
  t.strictSame(await linesOf('sharewell_http_requests_total'), [
    'sharewell_http_requests_total{door="fhir",interaction="read",type="Patient",status="200"} 1',
    'sharewell_http_requests_total{door="fhir",interaction="other",type="other",status="left"} 2',
  ])
  t.strictSame(await linesOf('sharewell_attempts_refused_total'), [
    'sharewell_attempts_refused_total{interaction="other",status="404"} 2',
  ])
  t.strictSame(await linesOf('sharewell_http_requests_in_flight'), ['sharewell_http_requests_in_flight 0'])
})

t.test('a figure is what it was told last, and is not there if it was not told', async t => {
  const jobs = (state: string, value: number) =>
    ({ name: 'sharewell_jobs', labels: { queue: 'letter', state }, value }) as const
  t.strictSame(await linesOf('sharewell_jobs', [jobs('waiting', 3), jobs('failed', 1)]), [
    'sharewell_jobs{queue="letter",state="waiting"} 3',
    'sharewell_jobs{queue="letter",state="failed"} 1',
  ])
  t.strictSame(await linesOf('sharewell_jobs', [jobs('waiting', 2)]), [
    'sharewell_jobs{queue="letter",state="waiting"} 2',
  ])
  t.strictSame(await linesOf('sharewell_database_bytes', [{ name: 'sharewell_database_bytes', value: 7 }]), [
    'sharewell_database_bytes 7',
  ])
  t.strictSame(await linesOf('sharewell_database_bytes'), [])
})
