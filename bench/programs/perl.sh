#!/usr/bin/env bash
# perl.sh: lines of text are split, matched, counted, joined and sorted. --ops are lines.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=perl package=perl

generate() {
    awk -v lines="$ops" 'BEGIN {
        x = 4711
        for (i = 0; i < lines; i++) {
            line = ""
            for (k = x % 14; k >= 0; k--) {
                x = x * 48271 % 2147483647
                line = line sprintf("%c%d=%d ", 97 + x % 26, x % 307, x % 100003)
            }
            print line
        }
    }' >"$1/text"
    cat >"$1/main.pl" <<'PL'
use strict;
use warnings;
my (%sum, %by_line, @long);
while (my $line = <STDIN>) {
    chomp $line;
    my @pairs = split / /, $line;
    for my $pair (@pairs) {
        my ($key, $value) = $pair =~ /^(\w+)=(\d+)$/ or next;
        $sum{$key} += $value;
        push @{$by_line{$key}}, $.;
    }
    push @long, join ',', reverse @pairs if @pairs > 7;
    (my $copy = $line) =~ s/([a-m])(\d)/<$1>$2/g;
    $long[-1] .= $copy if @long && @pairs % 3 == 0;
}
printf "%s %d %d\n", $_, $sum{$_}, scalar @{$by_line{$_}} for sort keys %sum;
my @sorted = sort { length $a <=> length $b || $a cmp $b } @long;
print "$sorted[$_]\n" for grep { $_ % 29 == 0 } 0 .. $#sorted;
PL
}

execute() {
    export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
    measured --stdin "$input/text" "$program" "$input/main.pl"
}

drive "$@"
