-- The latest Provenances first, as `_sort=-recorded` asks for them: read in this order until a page is full. Otherwise all that the caller may see were sorted.
CREATE INDEX provenance_recorded ON provenance ((coalesce(fhir_low(content ->> 'recorded'), '-infinity')) DESC, pk DESC);
