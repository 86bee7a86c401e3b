-- Study 2 comes before Study 10, as people expect of a list. What is sorted is folded already (fhir_fold). No index has this order, which may change with
-- the version of ICU.
CREATE COLLATION natural_order (provider = icu, locale = 'und-u-kn');
