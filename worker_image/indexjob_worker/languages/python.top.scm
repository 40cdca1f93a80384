; Names at the top of the module (also under its `if` and `try`) and in a class's body: no locals.
(module (expression_statement [
  (assignment left: (identifier) @name) @def.variable
  (assignment left: (pattern_list (identifier) @name)) @def.variable
  (assignment right: (assignment left: (identifier) @name) @def.variable)
]))
(module (if_statement (block (expression_statement (assignment left: (identifier) @name) @def.variable))))
(module (if_statement (else_clause (block (expression_statement (assignment left: (identifier) @name) @def.variable)))))
(module (if_statement (elif_clause (block (expression_statement (assignment left: (identifier) @name) @def.variable)))))
(module (try_statement (block (expression_statement (assignment left: (identifier) @name) @def.variable))))
(module (try_statement (except_clause (block (expression_statement (assignment left: (identifier) @name) @def.variable)))))
(class_definition body: (block (expression_statement [
  (assignment left: (identifier) @name) @def.field
  (assignment left: (pattern_list (identifier) @name)) @def.field
])))

; What the module says that it exports.
(module (expression_statement (assignment left: (identifier) @_all right: [
  (list (string (string_content) @export.name))
  (tuple (string (string_content) @export.name))
])) (#eq? @_all "__all__"))
(module (expression_statement (augmented_assignment left: (identifier) @_all right: [
  (list (string (string_content) @export.name))
  (tuple (string (string_content) @export.name))
])) (#eq? @_all "__all__"))
(module (_ (block (expression_statement (augmented_assignment left: (identifier) @_all right:
  (list (string (string_content) @export.name)))))) (#eq? @_all "__all__"))
