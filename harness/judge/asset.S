/* asset.S: see asset.h. .incbin takes the files as they are, from the folders of module.mk. */

#define ASSET(name, file) \
    .global name; \
    .global name##_end; \
    name: .incbin file; \
    name##_end: .byte 0;

    .section .rodata
ASSET(asset_html, "report.html.in")
ASSET(asset_css, "report.css")
ASSET(asset_js, "report.js")
ASSET(asset_vega, "vega.js")
ASSET(asset_method, "method.md")

    .section .note.GNU-stack, "", @progbits
