import { isNumber } from '../fhir/json.ts'

export type JsonRecord = { readonly [name: string]: unknown }

export const asRecord = (value: unknown): JsonRecord | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumber(value)
    ? (value as JsonRecord)
    : undefined

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
