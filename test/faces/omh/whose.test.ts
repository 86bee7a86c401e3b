import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { at, point } from '../../mhealth/upload.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, patientToken } = await openStudies()
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const { id } = await study(manager, organization, 'Hearts', ['omh:heart-rate'])
const ann = await participant(manager, organization, id, ['omh:heart-rate'], 'Ann')
const bob = await participant(manager, organization, id, ['omh:heart-rate'], 'Bob')

t.test('a data point that names another patient than that of the token is of neither of them', async t => {
  const bearer = await patientToken(ann, 'patient/*.cruds')
  const rate = { heart_rate: { value: 61, unit: 'beats/min' }, effective_time_frame: at }
  const store = async (query: string) =>
    (
      await server.inject({
        method: 'POST',
        url: `/omh/v1/dataPoints${query}`,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        payload: point('omh:heart-rate:2.0', rate, { uuid: '5f2a9c1e-0000-4000-8000-000000000001' }),
      })
    ).statusCode
  const stored = () =>
    database.any<{ of: string }>(sql.fragment`SELECT content #>> '{subject,reference}' AS of FROM observation`)
  t.strictSame([await store(`?patient=${bob}`), await stored()], [403, []])
  t.strictSame([await store(`?patient=${ann}`), await stored()], [201, [{ of: `Patient/${ann}` }]])
})
