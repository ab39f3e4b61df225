# Runs the script that comes as `LENGTH OTHER`, a line, and so many bytes; then OTHER bytes are its standard input.
read -r length other
script=$(head -c "$length")
head -c "$other" | sh -c "$script" 2>&1
printf '\0exit %d' $?
