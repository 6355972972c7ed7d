# A Perl program that lives from malloc: hashes of arrays, string growth, regular expressions and
# sorting. Prints one checksum of all that it computed.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);

my $state = 42;
sub step { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0]; }

my %table;
for my $i (1 .. 150000) {
    my $key = 'k' . step(5000);
    push @{ $table{$key} }, 'v' x step(200);
    delete $table{ 'k' . step(5000) } if $i % 4 == 0;
}
my $text = '';
for my $key (sort keys %table) {
    $text .= $key . ':' . join(',', map { length } @{ $table{$key} }) . "\n";
}
my $count = () = $text =~ /k\d*7:(?:\d+,?)+/g;
my @words = sort { $a cmp $b } map { sha256_hex($_) } 1 .. 20000;
print sha256_hex($text . join(' ', @words)), " $count\n";
