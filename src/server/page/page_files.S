/* The files of web/dist and the same compressed, in the program's read-only data. */
    .macro embedded name, file
    .global owl3_page_\name\()_begin
    .global owl3_page_\name\()_end
    .balign 16
owl3_page_\name\()_begin:
    .incbin "\file"
owl3_page_\name\()_end:
    .endm

    .section .rodata
    embedded html, page.html
    embedded script, page.js
    embedded style, page.css
    embedded icon, icon.svg
    embedded html_gz, page.html.gz
    embedded script_gz, page.js.gz
    embedded style_gz, page.css.gz
    embedded icon_gz, icon.svg.gz
    .section .note.GNU-stack, "", %progbits
