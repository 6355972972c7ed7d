/* asset.h: the pieces of the report, which travel inside the program, so that a built `ashlar`
 * needs no file of the source tree. Text without a NUL at its end.
 */
#ifndef ASHLAR_JUDGE_ASSET_H
#define ASHLAR_JUDGE_ASSET_H

extern const char asset_html[], asset_html_end[];     /* report.html.in */
extern const char asset_css[], asset_css_end[];       /* report.css */
extern const char asset_js[], asset_js_end[];         /* report.js */
extern const char asset_vega[], asset_vega_end[];     /* bundle of libjs-vega, made by vega.sh */
extern const char asset_method[], asset_method_end[]; /* method.md */

#endif
