/* The file OWL3_BUILTIN_MODEL in the program's read-only data. */
    .section .rodata
    .global owl3_builtin_begin
    .global owl3_builtin_end
    .balign 64
owl3_builtin_begin:
    .incbin OWL3_BUILTIN_MODEL
owl3_builtin_end:
    .section .note.GNU-stack, "", %progbits
