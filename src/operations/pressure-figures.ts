import { conversionTo } from '../fhir/measured/conversion.ts'
import { diastolicReading, systolicReading } from '../fhir/measured/drawn-codes.ts'
import type { Registry } from '../fhir/registry.ts'
import type { PressureAsked, PressureRow } from '../storage/figures/figures.ts'
import type { Store } from '../storage/store.ts'
import { readingsOfPatient } from './readings-asked.ts'
import { aboveZero } from './series.ts'

/** Of each part of the days that has a reading. */
export type PressureFigures = Readonly<Partial<Record<PressureRow['part'], PressureRow>>>

/** In mmHg: from these on, pressure measured at home is high. https://doi.org/10.1097/HJH.0000000000003480 */
export const homePressure = { systolic: 135, diastolic: 85 } as const

/** Of single readings: not of means that a device has computed, of which nobody knows how many readings they are. */
export const readPressureFigures = async (
  { registry, store }: { readonly registry: Registry; readonly store: Store },
  asked: Pick<PressureAsked, 'patient' | 'from' | 'to' | 'timezone'>,
): Promise<PressureFigures> => {
  const conversion = conversionTo(unit)
  const rows = await store.pressure({
    ...asked,
    ...readingsOfPatient(registry, asked.patient),
    at: 'start',
    unit,
    conversions: conversion === undefined ? [] : [conversion],
    possible: aboveZero,
    systolic: systolicReading,
    diastolic: diastolicReading,
    threshold: homePressure,
  })
  return Object.fromEntries(rows.map(row => [row.part, row]))
}

const unit = 'mm[Hg]'
