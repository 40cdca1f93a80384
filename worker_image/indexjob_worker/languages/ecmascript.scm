; What JavaScript, TypeScript and TSX share.

; Definitions: functions, classes and methods anywhere, variables only where they are exported.
(function_declaration name: (identifier) @name) @def.function
(generator_function_declaration name: (identifier) @name) @def.function
(class_declaration name: (_) @name) @def.class
(class name: (_) @name) @def.class
(method_definition name: [
  (property_identifier) (private_property_identifier) (string) (number) (computed_property_name)
] @name) @def.method
(variable_declarator name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @def.function
(assignment_expression left: [
  (identifier) @name
  (member_expression property: [(property_identifier) (private_property_identifier)] @name)
] right: [(arrow_function) (function_expression) (generator_function)]) @def.function
(function_expression name: (identifier)) @expression
(pair key: [(property_identifier) (string)] @name
  value: [(arrow_function) (function_expression) (generator_function)]) @def.method

(export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @def.constant))
(export_statement (variable_declaration (variable_declarator name: (identifier) @name) @def.variable))
(export_statement (lexical_declaration (variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @name
    (pair_pattern value: (identifier) @name)
  ])) @def.constant))

(decorator) @decorator

(export_statement declaration: (_)) @export
(export_statement value: (class)) @export
(export_statement value: (identifier) @export.name)
(export_statement !source (export_clause (export_specifier name: (identifier) @export.name)))
((assignment_expression
  left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports)
  right: [(identifier) @export.name (object [
    (shorthand_property_identifier) @export.name
    (pair value: (identifier) @export.name)
  ])])
  (#eq? @_module "module") (#eq? @_exports "exports"))
((assignment_expression
  left: (member_expression object: [
    (identifier) @_exports
    (member_expression property: (property_identifier) @_exports)
  ])
  right: [(function_expression) (arrow_function) (class)]) @export
  (#eq? @_exports "exports"))
((assignment_expression
  left: (member_expression object: (identifier) @_exports)
  right: (identifier) @export.name)
  (#eq? @_exports "exports"))

; References
(call_expression function: (identifier) @ref.call)
(new_expression constructor: [
  (identifier) @ref.call
  (member_expression property: (property_identifier) @ref.call)
])
(decorator [(identifier) @ref.call (member_expression property: (property_identifier) @ref.call)])
(member_expression property: [(property_identifier) (private_property_identifier)] @ref.property)

; Imports
(import_statement source: (string (string_fragment) @module)) @import.import
(import_clause (identifier) @import.default)
(namespace_import (identifier) @import.namespace)
(import_specifier name: [(identifier) (string)] @import.name)
(import_specifier alias: (identifier) @import.alias)
(export_statement source: (string (string_fragment) @module)) @import.reexport
(export_statement "*" @import.all source: (string))
(namespace_export (identifier) @import.namespace)
(export_statement (export_clause (export_specifier name: (_) @import.name)) source: (string))
(export_statement (export_clause (export_specifier alias: (_) @import.alias)) source: (string))
(call_expression function: (import) arguments: (arguments . (string (string_fragment) @module))) @import.dynamic
((call_expression function: (identifier) @_require
  arguments: (arguments . (string (string_fragment) @module) .)) @import.require
  (#eq? @_require "require"))
((variable_declarator
  name: [
    (identifier) @import.namespace
    (object_pattern [
      (shorthand_property_identifier_pattern) @import.name
      (pair_pattern key: (property_identifier) @import.name value: (identifier) @import.alias)
    ])
  ]
  value: (call_expression function: (identifier) @_require arguments: (arguments . (string) .))) @import.require
  (#eq? @_require "require"))
