import { body, type Field, format, list, record, text, words } from './row.ts'
import { dateTime, frequency } from './values.ts'

const schemaIdFields: readonly Field[] = [
  ['namespace*', text],
  ['name*', text],
  ['version*', text],
]
const modality = words('sensed', 'self-reported')
const schemaId = record(...schemaIdFields)
const omhSchemaId = record(...schemaIdFields, ['url', format('uri')])

const provenance = (...fields: readonly Field[]) =>
  record(['source_name*', text], ['source_creation_date_time', dateTime], ['modality', modality], ...fields)

const omhHeader: readonly Field[] = [
  ['id*', text],
  ['creation_date_time*', dateTime],
  ['schema_id*', omhSchemaId],
  ['acquisition_provenance', provenance(), '1.0 1.1'],
  [
    'acquisition_provenance',
    provenance(['source_data_point_id', text], ['source_last_modification_date_time', dateTime]),
    '1.2',
  ],
  ['user_id', text, '1.1 1.2'],
]

const ieeeHeader: readonly Field[] = [
  ['uuid*', format('uuid')],
  ['schema_id*', schemaId],
  ['source_creation_date_time*', dateTime],
  ['modality', modality],
  ['acquisition_rate', frequency],
  ['external_datasheets', list(record(['datasheet_type', text], ['datasheet_reference*', format('iri')]))],
]

const anyBody = record()

/** Schemas of what surrounds a body: the id, the times, the schema and the source. */
export const headerSchemas = [
  body('omh:schema-id', '1.0 1.1', ...schemaIdFields, ['url', format('uri'), '1.1']),
  body('omh:header', '1.0 1.1 1.2', ...omhHeader),
  body(
    'omh:data-point',
    '1.0',
    ['header*', record(...omhHeader.filter(([, , in_]) => in_ !== '1.0 1.1'))],
    ['body*', anyBody],
  ),
  body('ieee:schema-id', '1.0', ...schemaIdFields),
  body('ieee:header', '1.0', ...ieeeHeader),
  body('ieee:data-point', '1.0', ['header*', record(...ieeeHeader)], ['body*', anyBody]),
  body('ieee:data-series', '1.0', ['header*', record(...ieeeHeader)], ['body*', list(anyBody)]),
]
