/* caller.c: its relocation makes the resolver run. */
int early(void);
int call_early(void);

int call_early(void)
{
    return early();
}
