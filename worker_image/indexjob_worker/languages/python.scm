; Definitions. A function in a class becomes a method by the declaration's rule.
(function_definition name: (identifier) @name) @def.function
(class_definition name: (identifier) @name) @def.class
(type_alias_statement left: (type (identifier) @name)) @def.type
(type_alias_statement left: (type (generic_type (identifier) @name))) @def.type
(decorated_definition
  (decorator (identifier) @_property)
  definition: (function_definition) @def.property
  (#any-of? @_property "property" "cached_property"))
(decorated_definition
  (decorator (attribute attribute: (identifier) @_property))
  definition: (function_definition) @def.property
  (#any-of? @_property "cached_property" "setter" "deleter"))

(function_definition body: (block . (expression_statement (string) @doc)))
(class_definition body: (block . (expression_statement (string) @doc)))

; References
(call function: (identifier) @ref.call)
(decorator [(identifier) @ref.call (attribute attribute: (identifier) @ref.call)])
(attribute attribute: (identifier) @ref.property)
(type [
  (identifier) @ref.type
  (attribute attribute: (identifier) @ref.type)
  (subscript value: [(identifier) @ref.type (attribute attribute: (identifier) @ref.type)])
  (subscript subscript: (identifier) @ref.type)
  (binary_operator [
    (identifier) @ref.type
    (attribute attribute: (identifier) @ref.type)
    (subscript value: (identifier) @ref.type)
    (binary_operator [(identifier) @ref.type (attribute attribute: (identifier) @ref.type)])
  ])
])
(generic_type (identifier) @ref.type)
(class_definition superclasses: (argument_list [
  (identifier) @ref.type
  (attribute attribute: (identifier) @ref.type)
  (subscript value: (identifier) @ref.type)
  (subscript value: (attribute attribute: (identifier) @ref.type))
]))
(except_clause value: [(identifier) @ref.type (tuple (identifier) @ref.type)])

; Imports
(import_statement name: [
  (dotted_name) @module
  (aliased_import name: (dotted_name) @module alias: (identifier) @import.alias)
]) @import.import
(import_from_statement module_name: (_) @module) @import.from
(import_from_statement name: [
  (dotted_name) @import.name
  (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias)
])
(import_from_statement (wildcard_import) @import.all)
(future_import_statement "__future__" @module) @import.from
(future_import_statement name: (dotted_name) @import.name)
((call function: [(identifier) @_import (attribute attribute: (identifier) @_import)]
  arguments: (argument_list . (string (string_content) @module) .)) @import.dynamic
  (#any-of? @_import "__import__" "import_module"))
((if_statement condition: [(identifier) @_typing (attribute attribute: (identifier) @_typing)]
  consequence: (block) @import.typing)
  (#eq? @_typing "TYPE_CHECKING"))
