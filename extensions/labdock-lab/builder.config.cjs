// What JupyterLab's builder adds to its own settings: TypeScript without a step before it.
module.exports = {
  // Ids by order: those by name come from the folder's path, and the bytes with them.
  optimization: { moduleIds: 'natural' },
  resolve: { extensions: ['.ts', '.tsx', '.js', '.mjs'] },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        loader: 'builtin:swc-loader',
        options: {
          jsc: {
            parser: { syntax: 'typescript', tsx: true },
            transform: { react: { runtime: 'classic' } },
            target: 'es2022'
          }
        },
        type: 'javascript/auto'
      }
    ]
  }
};
