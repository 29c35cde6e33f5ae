# The receiver's source as a C file: FROM, TO.
file(READ "${FROM}/main.go" main)
file(READ "${FROM}/go.mod" module)
foreach(text main module)
  string(REPLACE "\\" "\\\\" ${text} "${${text}}")
  string(REPLACE "\"" "\\\"" ${text} "${${text}}")
  string(REPLACE "\n" "\\n\"\n    \"" ${text} "${${text}}")
endforeach()
file(WRITE "${TO}" "#include \"builders/ko/receiver.h\"\n\nconst char skf_ko_receiver_main[] =\n    \"${main}\";\n"
  "const char skf_ko_receiver_mod[] =\n    \"${module}\";\n")
