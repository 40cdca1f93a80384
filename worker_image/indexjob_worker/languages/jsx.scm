; A component is called by its tag; a lower-case tag is the page's own.
((jsx_opening_element name: [
  (identifier) @ref.call
  (member_expression property: (property_identifier) @ref.call)
]) (#match? @ref.call "^[A-Z]"))
((jsx_self_closing_element name: [
  (identifier) @ref.call
  (member_expression property: (property_identifier) @ref.call)
]) (#match? @ref.call "^[A-Z]"))
