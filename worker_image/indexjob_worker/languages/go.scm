; Definitions: functions and types anywhere.
(function_declaration name: (identifier) @name) @def.function
(method_declaration name: (field_identifier) @name) @def.method
(type_spec name: (type_identifier) @name type: (struct_type)) @def.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @def.interface
(type_spec name: (type_identifier) @name) @def.type
(type_alias name: (type_identifier) @name) @def.type
(field_declaration name: (field_identifier) @name) @def.field
(method_elem name: (field_identifier) @name) @def.method

; References
(call_expression function: [
  (identifier) @ref.call
  (parenthesized_expression [(identifier) @ref.call (selector_expression field: (field_identifier) @ref.call)])
])
(call_expression function: (index_expression operand: [
  (identifier) @ref.call
  (selector_expression field: (field_identifier) @ref.call)
]))
; A generic function's call looks like a conversion to a generic type, and mostly is a call.
(type_conversion_expression type: (generic_type type: [
  (type_identifier) @ref.call
  (qualified_type name: (type_identifier) @ref.call)
]))
(selector_expression field: (field_identifier) @ref.property)
(keyed_element key: (literal_element (identifier) @ref.property))
(type_identifier) @ref.type

; Imports
(import_spec path: [
  (interpreted_string_literal (interpreted_string_literal_content) @module)
  (raw_string_literal (raw_string_literal_content) @module)
]) @import.import
(import_spec name: [(package_identifier) (blank_identifier)] @import.namespace)
(import_spec name: (dot) @import.all)
