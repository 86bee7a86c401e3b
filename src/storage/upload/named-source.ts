import type { Device } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { HeaderDevice } from '../store.ts'
import { lowered, toLowered } from '../values/letter-case.ts'

/** The ids of the data sources that headers name, if exactly one fits: it has the same manufacturer, and the same model if both name one. */
export const findNamedSources = async (
  connection: Connection,
  devices: readonly HeaderDevice[],
): Promise<ReadonlyMap<HeaderDevice, string>> => {
  const named = devices
    .flatMap(({ manufacturer, model, name }) => [manufacturer, model, name])
    .flatMap(word => word ?? [])
  if (named.length === 0) return new Map()
  const words = sql.array([...new Set(named.map(toLowered))], 'text')
  const rows = await connection.any<{ id: string; content: Device }>(sql.fragment`
    SELECT id, content FROM device
    WHERE patient_id = 0 AND NOT content ? 'patient' AND (
      ${lowered(sql.fragment`content ->> 'manufacturer'`)} = ANY(${words}) OR ${lowered(sql.fragment`content ->> 'url'`)} = ANY(${words})
      OR EXISTS (SELECT FROM jsonb_array_elements(content -> 'deviceName') AS called
        WHERE ${lowered(sql.fragment`called ->> 'name'`)} = ANY(${words})))`)
  return new Map(
    devices.flatMap(device => {
      const [one, ...others] = rows.filter(({ content }) => isNamedBy(device, content))
      return one === undefined || others.length > 0 ? [] : [[device, one.id] as const]
    }),
  )
}

const isNamedBy = ({ manufacturer, model, name }: HeaderDevice, source: Device): boolean => {
  const called = [source.modelNumber, ...(source.deviceName ?? []).map(one => one.name)].flatMap(inSmallLetters)
  if (manufacturer === undefined) return [name, model].flatMap(inSmallLetters).some(one => called.includes(one))
  if (![source.manufacturer, source.url].flatMap(inSmallLetters).includes(toLowered(manufacturer))) return false
  const wanted = [model, name].flatMap(inSmallLetters)
  return wanted.length === 0 || called.length === 0 || wanted.some(one => called.includes(one))
}

const inSmallLetters = (text: string | undefined): readonly string[] => (text === undefined ? [] : [toLowered(text)])
